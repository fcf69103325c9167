"""CAMMSR, the other models of this package and their parts, one concept per file.

Also RecBole's own sequential models with less to compute (``faster_models``). Files are opened in
``recbole_cammsr.data``; of memory-mapped ones ``frozen_features`` reads rows as they are needed.
"""
