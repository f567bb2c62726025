#!/usr/bin/env python3
"""Writes src/front/dockertools/python/unicode-14.ts: the code points that CPython 3.11's repr() escapes.

    python3.11 scripts/unicode-14.py > src/front/dockertools/python/unicode-14.ts

CPython 3.11 carries Unicode 14's database for good, while a JavaScript engine's \\p{...} follows the newest Unicode,
so the table is written down whole instead of being derived from the engine's.
"""

import sys
import unicodedata

if unicodedata.unidata_version != "14.0.0":
    sys.exit(f"this needs Unicode 14.0.0, but this Python has {unicodedata.unidata_version}: use Python 3.11")

deltas = []
position = 0
printable = True
for point in range(0x110000):
    if chr(point).isprintable() != printable:
        deltas.append(point - position)
        position = point
        printable = not printable

print(
    """/**
 * Where code points stop being printable for CPython 3.11 (Unicode 14), and where they start again: made by
 * scripts/unicode-14.py, which says why. Each number is the distance from the change before; the first is from 0,
 * whose code point the table takes for printable.
 */
// biome-ignore format: one number a line would be 1,400 lines
export const PRINTABLE_CHANGES: readonly number[] = ["""
)
line = " "
for delta in deltas:
    item = f" {delta},"
    if len(line) + len(item) > 110:
        print(line)
        line = " "
    line += item
print(line)
print("];")
