#!/usr/bin/env python3
"""Writes a file's bytes as a C++ initializer list, so that the XDP program travels inside the binary."""
import sys

source, target = sys.argv[1:]
with open(source, "rb") as file:
    data = file.read()
with open(target, "w") as file:
    for start in range(0, len(data), 20):
        file.write("".join(f"{byte}," for byte in data[start:start + 20]) + "\n")
