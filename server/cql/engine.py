"""placeholder: the CQL engine is being written (helper A owns this file)."""
