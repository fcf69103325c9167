"""CAMMSR and its parts, one concept per file; nothing here reads files."""
