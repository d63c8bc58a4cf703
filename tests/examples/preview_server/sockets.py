"""What a process holds: descriptors, threads, memory, and its sockets."""
import os
import socket
import struct


def used(process):
    """Descriptors, threads, and kB of memory."""
    with open("/proc/%d/status" % process) as file:
        said = dict(line.split(":", 1) for line in file)
    return (len(os.listdir("/proc/%d/fd" % process)), int(said["Threads"]),
            int(said["VmRSS"].split()[0]))


def inodes(process):
    found = set()
    for name in os.listdir("/proc/%d/fd" % process):
        try:
            link = os.readlink("/proc/%d/fd/%s" % (process, name))
        except OSError:
            continue  # it was closed meanwhile
        if link.startswith("socket:["):
            found.add(link[8:-1])
    return found


def address(text):
    """A host as the kernel writes it: words in the machine's order."""
    words = [struct.pack("=I", int(text[i:i + 8], 16))
             for i in range(0, len(text), 8)]
    data = b"".join(words)
    family = socket.AF_INET if len(data) == 4 else socket.AF_INET6
    return socket.inet_ntop(family, data)


def listening(process):
    """(protocol, host, port) of all where somebody could come in: TCP that
    listens, and every UDP socket."""
    ours, found = inodes(process), set()
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        with open("/proc/%d/net/%s" % (process, kind)) as file:
            rows = [line.split() for line in file][1:]
        for row in rows:
            host, port = row[1].rsplit(":", 1)
            listens = kind.startswith("udp") or row[3] == "0A"
            if row[9] in ours and listens:
                found.add((kind[:3], address(host), int(port, 16)))
    return found
