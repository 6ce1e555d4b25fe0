"""The paper's tables and figures, with statistics."""
