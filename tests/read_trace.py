#!/usr/bin/env python3
"""read_trace.py - a second reader of both trace forms, written from
docs/traces.md alone, to prove that the page says enough.

    tests/read_trace.py FILE             the trace in its text form, by letters
    tests/read_trace.py --event N FILE   event N alone, found through the index

Only the standard library; zstd is the system's libzstd, through ctypes.
"""

import ctypes
import ctypes.util
import re
import struct
import sys

MALLOC, CALLOC, ALIGNED, REALLOC, FREE, START, EXIT, PHASE = range(8)
NAMES = ["malloc", "calloc", "aligned", "realloc", "free", "start", "exit", "phase"]
SEGMENT_EVENTS = 65536
MASK = (1 << 64) - 1


class Refused(Exception):
    pass


class Event:
    """One event; `null` marks free(NULL), `phase` is a name."""

    def __init__(self, kind, thread=0, slot=0, size=0, align=0, null=False, phase=None):
        self.kind, self.thread, self.slot, self.size = kind, thread, slot, size
        self.align, self.null, self.phase, self.time = align, null, phase, None
        self.site, self.untouched = 0, 0


# --- XXH64 -----------------------------------------------------------------

P1, P2, P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P4, P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def rotate(x, by):
    return (x << by | x >> (64 - by)) & MASK


def mix(lane, word):
    return rotate((lane + word * P2) & MASK, 31) * P1 & MASK


def xxh64(data):
    at, end = 0, len(data)
    if end >= 32:
        lanes = [(P1 + P2) & MASK, P2, 0, -P1 & MASK]
        while at + 32 <= end:
            words = struct.unpack_from("<4Q", data, at)
            lanes = [mix(lane, word) for lane, word in zip(lanes, words)]
            at += 32
        h = sum(rotate(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            h = ((h ^ mix(0, lane)) * P1 + P4) & MASK
    else:
        h = P5
    h = (h + end) & MASK
    while at + 8 <= end:
        h = (rotate(h ^ mix(0, struct.unpack_from("<Q", data, at)[0]), 27) * P1 + P4) & MASK
        at += 8
    if at + 4 <= end:
        h = (rotate(h ^ struct.unpack_from("<I", data, at)[0] * P1 & MASK, 23) * P2 + P3) & MASK
        at += 4
    for byte in data[at:]:
        h = rotate(h ^ byte * P5 & MASK, 11) * P1 & MASK
    h = (h ^ h >> 33) * P2 & MASK
    h = (h ^ h >> 29) * P3 & MASK
    return h ^ h >> 32


# --- the binary form -------------------------------------------------------


def load_zstd():
    """libzstd, or None where it is not installed."""
    name = ctypes.util.find_library("zstd") or "libzstd.so.1"
    try:
        library = ctypes.CDLL(name)
    except OSError:
        return None
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [ctypes.c_void_p, ctypes.c_size_t] * 2
    return library


ZSTD = load_zstd()


def decompress(stored, raw_bytes):
    if raw_bytes == 0:
        return b""
    raw = ctypes.create_string_buffer(raw_bytes)
    if ZSTD.ZSTD_decompress(raw, raw_bytes, stored, len(stored)) != raw_bytes:
        raise Refused("damaged zstd frame")
    return raw.raw


class Stream:
    def __init__(self, raw):
        self.raw, self.at = raw, 0

    def byte(self):
        self.at += 1
        return self.raw[self.at - 1]

    def varint(self):
        number, shift = 0, 0
        while True:
            byte = self.byte()
            number |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return number


def unzigzag(number):
    return -(number + 1 >> 1) if number & 1 else number >> 1


class Sites:
    """The table of call sites: modules, (module, offset, text), (frame, caller)."""

    def __init__(self):
        self.modules, self.frames, self.sites = [], [], [(0, 0)]

    @staticmethod
    def from_bytes(stream):
        def text():
            length = stream.varint()
            stream.at += length
            return stream.raw[stream.at - length:stream.at]

        table = Sites()
        for _ in range(stream.varint()):
            table.modules.append(text())
        for _ in range(stream.varint()):
            table.frames.append((stream.varint(), stream.varint(), text()))
        for i in range(1, stream.varint() + 1):
            table.sites.append((stream.varint(), i - stream.varint()))
        return table

    def lines(self):
        for path in self.modules:
            yield "module(%s)" % escaped(path)
        for module, offset, text in self.frames:
            yield "frame(%d,%x%s)" % (module, offset, "," + escaped(text) if text else "")
        for frame, caller in self.sites[1:]:
            yield "site(%d%s)" % (frame, ",%d" % caller if caller else "")


def escaped(data):
    return "".join(chr(b) if 32 < b < 127 and chr(b) not in "%(),#" else "%%%02x" % b
                   for b in data)


def unescaped(text):
    return re.sub(rb"%(..)", lambda m: bytes([int(m[1], 16)]), text.encode())


class Binary:
    """The header of a binary trace; segments are decoded one at a time."""

    def __init__(self, data):
        self.data = data
        if data[:8] != b"\x89ALT\r\n\x1a\n":
            raise Refused("no binary trace")
        (version, self.flags, self.header_bytes, self.segments, self.events,
         self.calls, self.peak_live_bytes, self.peak_live_event, self.checksum,
         self.slots, self.threads, phases, source_bytes,
         segments_hash) = struct.unpack_from("<4I5Q4IQ", data, 8)
        if version not in (1, 2):
            raise Refused("version %d" % version)
        end = self.header_bytes - 8
        if xxh64(data[:end]) != struct.unpack_from("<Q", data, end)[0]:
            raise Refused("header damaged")
        if xxh64(data[self.header_bytes:]) != segments_hash:
            raise Refused("segments damaged")
        at = 88
        self.segments_at, self.sites = self.header_bytes, None
        if version == 2:
            stored, raw = struct.unpack_from("<2I", data, at)
            table = data[self.header_bytes:self.header_bytes + stored]
            self.sites = Sites.from_bytes(Stream(decompress(table, raw)))
            self.segments_at += stored
            at += 8
        self.streams = 4 + version + (self.flags >> 1 & 1)
        self.source = data[at:at + source_bytes].decode("utf-8", "replace")
        at += source_bytes
        self.phases = []
        for _ in range(phases):
            self.phases.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        each = 8 * self.streams
        self.index = [struct.unpack_from("<%dI" % (each // 4), data, at + each * i)
                      for i in range(self.segments)]

    def segment(self, number):
        """The events of one segment, without looking at the others."""
        at = self.segments_at + sum(sum(entry[0::2]) for entry in self.index[:number])
        streams = []
        for k in range(self.streams):
            stored, raw = self.index[number][2 * k:2 * k + 2]
            streams.append(Stream(decompress(self.data[at:at + stored], raw)))
            at += stored
        count = min(SEGMENT_EVENTS, self.events - number * SEGMENT_EVENTS)
        return self.decode(streams, count)

    def decode(self, streams, count):
        kinds, sizes, slots, rest, times = streams[:5]
        stack, allocated, events = [], [], []
        new_slot, old_slot, thread, time = 0, 0, 0, 0

        def alloc_slot():
            nonlocal new_slot
            if stack:
                slot = stack.pop()
            else:
                slot = new_slot + unzigzag(slots.varint())
                new_slot = slot + 1
            allocated.append(slot)
            return slot

        def live_slot():
            nonlocal old_slot
            number = slots.varint()
            if number & 1:
                old_slot += unzigzag(number >> 1)
                return old_slot
            return allocated[-1 - (number >> 1)]

        for _ in range(count):
            byte = kinds.byte()
            if byte & 0x10:
                thread = rest.varint()
            kind = byte & 0x0F
            event = Event(kind, thread)
            if kind == 8:
                event.kind, event.null = FREE, True
            elif kind <= ALIGNED:
                if kind == ALIGNED:
                    event.align = rest.byte()
                event.size = sizes.varint()
                event.slot = alloc_slot()
            elif kind == REALLOC:
                event.size = sizes.varint()
                event.slot = live_slot()
            elif kind == FREE:
                event.slot = live_slot()
                stack.append(event.slot)
            elif kind == PHASE:
                event.slot = rest.varint()
                event.phase = self.phases[event.slot]
            if self.flags & 1:
                time += times.varint()
                event.time = time
            if self.sites and event.kind <= REALLOC:
                event.site = streams[5].varint()
            if self.flags & 2 and event.kind <= REALLOC:
                event.untouched = streams[-1].varint()
            events.append(event)
        if any(stream.at != len(stream.raw) for stream in streams):
            raise Refused("bytes left")
        return events

    def all(self):
        return [event for i in range(self.segments) for event in self.segment(i)]


# --- the text form ---------------------------------------------------------

CALL = re.compile(r"([\w.]+)=(malloc|calloc|realloc|aligned)\(([^)]*)\)$")


def size_of(text):
    factor = {"K": 1024, "M": 1 << 20}.get(text[-1], 1)
    return int(text[:-1] if factor > 1 else text) * factor


class Text:
    """Names to slots, the slot freed last first."""

    def __init__(self, text):
        self.events, self.phases, self.source = [], [], ""
        self.slots, self.free, self.slot_of = 0, [], {}
        self.thread, self.time, self.has_times = 0, 0, False
        lines = text.split("\n")
        self.sites, self.site = None, 0
        self.touched = None
        if lines[0].rstrip("\r") not in ["alloclab-text %d" % i for i in (1, 2, 3)]:
            raise Refused("no text trace")
        if len(lines) > 1 and lines[1].startswith("# source: "):
            self.source = lines[1][len("# source: "):].rstrip("\r")
        for line in lines[1:]:
            for token in line.split("#")[0].split():
                self.token(token)

    def add(self, event):
        event.time = self.time if self.has_times else None
        event.site, self.site = self.site, 0
        if self.touched is not None:
            event.untouched, self.touched = event.size - self.touched, None
        self.events.append(event)

    def alloc(self, kind, name, size, align=0):
        if self.free:
            slot = self.free.pop()
        else:
            slot = self.slots
            self.slots += 1
        self.slot_of[name] = slot
        self.add(Event(kind, self.thread, slot, size, align))

    def token(self, token):
        call = CALL.match(token)
        table = re.match(r"(module|frame|site)\((.*)\)$", token)
        if table:
            self.sites = self.sites or Sites()
            self.declare(table[1], table[2].split(","))
        elif token[0] == "^":
            self.site = int(token[1:])
        elif token[0] == "~":
            self.touched = int(token[1:])
        elif token[0] == "@":
            self.thread = int(token[1:])
        elif token[0] == "+":
            self.has_times = True
            self.time += int(token[1:])
        elif token[0] == "-" or token.startswith("free("):
            self.dead(token[1:] if token[0] == "-" else token[5:-1])
        elif token.startswith("start(") or token.startswith("exit("):
            word, number = token[:-1].split("(")
            self.add(Event(START if word == "start" else EXIT, int(number)))
        elif token.startswith("phase("):
            name = token[6:-1]
            if name not in self.phases:
                self.phases.append(name)
            self.add(Event(PHASE, self.thread, self.phases.index(name), phase=name))
        elif call and call[2] == "aligned":
            align, size = call[3].split(",")
            self.alloc(ALIGNED, call[1], size_of(size), size_of(align).bit_length() - 1)
        elif call and call[2] != "realloc":
            self.alloc(NAMES.index(call[2]), call[1], size_of(call[3]))
        elif call or ":" in token:
            name, size = (call[1], call[3]) if call else token.split(":")
            self.add(Event(REALLOC, self.thread, self.slot_of[name], size_of(size)))
        else:
            name, size = token.split("=")
            self.alloc(MALLOC, name, size_of(size))

    def declare(self, word, values):
        if word == "module":
            self.sites.modules.append(unescaped(values[0]))
        elif word == "frame":
            text = unescaped(values[2]) if len(values) > 2 else b""
            self.sites.frames.append((int(values[0]), int(values[1], 16), text))
        else:
            self.sites.sites.append((int(values[0]), int((values + [0])[1])))

    def dead(self, name):
        if name == "NULL":
            self.add(Event(FREE, self.thread, null=True))
            return
        slot = self.slot_of.pop(name)
        self.free.append(slot)
        self.add(Event(FREE, self.thread, slot))

    def all(self):
        return self.events


# --- what both have --------------------------------------------------------


def checksum(events, slots):
    """XXH64 of the 16-byte records."""
    records = bytearray()
    for e in events:
        slot = slots if e.null else e.slot
        records += struct.pack("<QIHBB", e.size, slot, e.thread, e.kind, e.align)
    return xxh64(bytes(records))


def peak(events):
    """The most live bytes, and the first event that reached them."""
    live, total, most, first = {}, 0, 0, 0
    for i, e in enumerate(events):
        if e.kind == FREE and not e.null:
            total -= live.pop(e.slot)
        elif e.kind <= REALLOC:
            total += e.size - live.get(e.slot, 0)
            live[e.slot] = e.size
        if total > most:
            most, first = total, i
    return most, first


def letters(slot):
    text, rest = "", slot + 1
    while rest > 0:
        rest, digit = divmod(rest - 1, 26)
        text = chr(ord("a") + digit) + text
    return text


def line_of(event):
    name = letters(event.slot)
    if event.kind == FREE:
        return "free(%s)" % ("NULL" if event.null else name)
    if event.kind in (START, EXIT):
        return "%s(%d)" % (NAMES[event.kind], event.thread)
    if event.kind == PHASE:
        return "phase(%s)" % event.phase
    if event.kind == ALIGNED:
        return "%s=aligned(%d,%d)" % (name, 1 << event.align, event.size)
    return "%s=%s(%d)" % (name, NAMES[event.kind], event.size)


def text_of(trace):
    """The text form, byte for byte as the C writer's."""
    events = trace.all()
    has_untouched = any(event.untouched for event in events)
    out = ["alloclab-text %d" % (3 if has_untouched else 2 if trace.sites else 1)]
    if trace.source:
        out.append("# source: " + trace.source)
    if trace.sites:
        out.extend(trace.sites.lines())
    thread, time = 0, 0
    for event in events:
        line = ""
        if event.kind not in (START, EXIT):
            line = "@%d " % event.thread if event.thread != thread else ""
            thread = event.thread
        if event.time is not None:
            line += "+%d " % (event.time - time)
            time = event.time
        if event.site:
            line += "^%d " % event.site
        if event.untouched:
            line += "~%d " % (event.size - event.untouched)
        out.append(line + line_of(event))
    return "\n".join(out) + "\n"


def read_trace(data):
    if data[:4] == b"\x89ALT":
        return Binary(data)
    return Text(data.decode("utf-8", "replace"))


def main(arguments):
    if len(arguments) == 3 and arguments[0] == "--event":
        with open(arguments[2], "rb") as file:
            trace = read_trace(file.read())
        number = int(arguments[1])
        events = trace.segment(number // SEGMENT_EVENTS)
        print(line_of(events[number % SEGMENT_EVENTS]))
        return 0
    if len(arguments) != 1:
        sys.exit(__doc__)
    with open(arguments[0], "rb") as file:
        sys.stdout.write(text_of(read_trace(file.read())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
