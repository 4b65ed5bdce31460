"""Assembly: spans and local facts become records, by a pure function."""
