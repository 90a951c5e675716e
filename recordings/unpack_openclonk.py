# Unpacks an OpenClonk group file (python3 unpack_openclonk.py Sound.ocg FOLDER): a gzip stream whose first two bytes differ, holding a
# scrambled header of 204 bytes, one directory entry of 316 bytes per member, then the members; groups nest.
import os
import struct
import sys
import zlib

HEADER, ENTRY, NAME = 204, 316, 260


def unscramble(block):
    plain = bytearray(byte ^ 237 for byte in block)
    for i in range(0, len(plain) - 2, 3):
        plain[i], plain[i + 2] = plain[i + 2], plain[i]
    return bytes(plain)


def unpack(group, folder):
    header = unscramble(group[:HEADER])
    if not header.startswith(b"RedWolf Design GrpFolder"):
        sys.exit(f"{folder}: not an OpenClonk group")
    os.makedirs(folder, exist_ok=True)
    (count,) = struct.unpack("<i", header[36:40])
    for i in range(count):
        entry = group[HEADER + ENTRY * i : HEADER + ENTRY * (i + 1)]
        name = os.path.basename(entry[:NAME].split(b"\0")[0].decode("latin1"))
        _, is_group, size, _, offset = struct.unpack("<5i", entry[NAME : NAME + 20])
        start = HEADER + ENTRY * count + offset
        member, path = group[start : start + size], os.path.join(folder, name)
        if is_group:
            unpack(member, path)
        else:
            with open(path, "wb") as file:
                file.write(member)


with open(sys.argv[1], "rb") as file:
    unpack(zlib.decompress(b"\x1f\x8b" + file.read()[2:], 31), sys.argv[2])
