"""How spans are read: one file per convention."""
