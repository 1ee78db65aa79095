//! What damage costs: the record or block that it hit, named, and nothing else.
