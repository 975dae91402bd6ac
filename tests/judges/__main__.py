"""`python -m tests.judges [FOLDER…]`: one table of verdicts, over what a hub writes and over the files of folders.

Exit code 1 where a document is invalid, or where a judge lets one pass that is wrong on purpose.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from tests.judges import collecting
from tests.judges.judging import judge, table


def main(folders: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="judges-") as home:
        documents = collecting.all_of(Path(home))
    documents += [document for name in folders for document in collecting.folder(Path(name))]
    session = judge(documents)
    sys.stdout.write("\n".join([*table(session), ""]))
    return 1 if session.invalid or session.let_through else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
