"""A table in Markdown."""


def table(header, rows):
    """Lines of a table.

    Args:
      header: names of the columns.
      rows: lists of cells, as many as there are columns.
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)
