"""Where sealed records live: one contract, one file per engine."""
