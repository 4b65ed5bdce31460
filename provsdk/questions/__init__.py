"""What records answer together: where an output came from across records, and what rests on a source.

Pure but for a `Reader`, which a store is.
"""
