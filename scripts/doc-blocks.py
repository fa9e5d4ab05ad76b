"""The code blocks of a page in one language, as one file whose line numbers are those of the page.

    python3 scripts/doc-blocks.py docs/python.md python > blocks.py
"""

import sys
from pathlib import Path

page, language = sys.argv[1:]
lines = Path(page).read_text(encoding="utf-8").splitlines()
inside = False
blocks = 0
kept = []
for line in lines:
    if not inside and line == f"```{language}":
        inside = True
        blocks += 1
        kept.append("")
    elif inside and line == "```":
        inside = False
        kept.append("")
    else:
        kept.append(line if inside else "")
if inside or not blocks:
    sys.exit(f"{page}: expected closed blocks of {language}, got {blocks}")
print("\n".join(kept))
