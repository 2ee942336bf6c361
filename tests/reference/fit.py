"""fit.py - first, next, best and worst fit, the way one would explain them.

Written from docs/fit.md, not from the C.  The heap is a Python list of blocks
in address order; the chain is a Python list of the holes in the order in which
a search meets them; the four policies are the functions at the top.  Nothing
here is fast, and everything is meant to be obvious.

Addresses are offsets from the start of the heap:

    0            376                                       end
    +------------+-------+-------+-- ... --+-------+------------+
    | descriptor | block | block |  block  | fence | wilderness |
    +------------+-------+-------+-- ... --+-------+------------+
"""

HEAP = 384     # what the heap keeps for itself: descriptor, prologue, fence
PAGE = 4096
FENCE = 8
TAGS = 16      # of every block: its size at both ends
HEADER = 8     # the lower of them
ALIGN = 16


def round_up(number, unit):
    return -(-number // unit) * unit


# --- the policies ------------------------------------------------------------
# Each returns the hole, or None, and how many holes it has looked at.


def first_fit(heap, need):
    for links, hole in enumerate(heap.chain, 1):
        if hole.bytes >= need:
            return hole, links
    return None, len(heap.chain)


def next_fit(heap, need):
    at = heap.chain.index(heap.rover) if heap.rover else 0
    for links, hole in enumerate(heap.chain[at:] + heap.chain[:at], 1):
        if hole.bytes >= need:
            return hole, links
    return None, len(heap.chain)


def best_fit(heap, need):
    best = None
    for links, hole in enumerate(heap.chain, 1):
        if hole.bytes >= need and (best is None or hole.bytes < best.bytes):
            best = hole
            if hole.bytes == need or heap.order == "size":
                return best, links
    return best, len(heap.chain)


def worst_fit(heap, need):
    if heap.order == "size":
        return worst_fit_from_the_far_end(heap, need)
    worst = max(heap.chain, key=lambda hole: hole.bytes, default=None)
    fits = worst is not None and worst.bytes >= need
    return worst if fits else None, len(heap.chain)


def worst_fit_from_the_far_end(heap, need):
    """Back along the largest ones, until a smaller one ends the search."""
    worst = None
    for links, hole in enumerate(reversed(heap.chain), 1):
        if hole.bytes < need or (worst and hole.bytes < worst.bytes):
            return worst, links
        worst = hole
    return worst, len(heap.chain)


POLICIES = {"first-fit": first_fit, "next-fit": next_fit,
            "best-fit": best_fit, "worst-fit": worst_fit}


# --- the heap ----------------------------------------------------------------


class Block:
    __slots__ = "start", "bytes", "live"

    def __init__(self, start, size, live):
        self.start, self.bytes, self.live = start, size, live


class Fit:
    def __init__(self, policy, order=None, coalesce="immediate", split_min=32,
                 growth=4096, wilderness="kept", min_block=32, index="list"):
        self.policy = POLICIES[policy]
        self.order = order or ("size" if policy == "best-fit" else "address")
        self.coalesce, self.growth, self.min_block = coalesce, growth, min_block
        self.split_min = max(split_min, min_block)
        self.listed = wilderness == "listed"
        self.links_known = index == "list"  # a tree follows others
        self.links = self.splits = self.merges = self.exact_fits = 0
        self.grows = self.shrinks = self.moves = 0
        self.blocks, self.chain, self.rover = [], [], None
        self.freed_since_sweep = False
        self.committed = growth
        self.first = self.top = (PAGE if self.listed else HEAP) - HEADER
        if self.listed and self.wilderness() > 0:
            self.list_wilderness()

    # --- what the meter asks -------------------------------------------------

    def footprint(self):
        return self.committed

    def metadata(self):
        tags = TAGS * sum(1 for block in self.blocks if block.live)
        return HEAP + tags

    def slack(self):
        """Listed, the descriptor has a page to itself."""
        return self.first + FENCE - HEAP

    def tiers(self):
        """The sizes of the free blocks, tags included."""
        holes = [hole.bytes for hole in self.chain]
        return {"hole": holes, "wilderness": [self.wilderness()]}

    def address(self, block):
        return block.start + HEADER

    def usable(self, block):
        return block.bytes - TAGS

    # --- the calls -----------------------------------------------------------

    def malloc(self, size):
        return self.allocate(self.bytes_for(size))

    def free(self, block):
        self.release(block)

    def aligned(self, align, size):
        """A block with room for any lead; both ends are given back."""
        need = self.bytes_for(size)
        if align <= ALIGN:
            return self.allocate(need)
        block = self.allocate(need + align + self.min_block)
        lead = -self.address(block) % align
        if 0 < lead < self.min_block:
            lead += round_up(self.min_block - lead, align)
        if lead > 0:
            head, block = block, self.split(block, lead)
            self.release(head)
        self.cut_tail(block, need)
        return block

    def realloc(self, block, size):
        need = self.bytes_for(size)
        if need <= block.bytes:
            self.cut_tail(block, need)
            return block
        if self.grow_in_place(block, need - block.bytes):
            return block
        moved = self.allocate(need)
        self.release(block)
        self.moves += 1
        return moved

    # --- allocation ----------------------------------------------------------

    def bytes_for(self, size):
        return max(round_up(size + TAGS, ALIGN), self.min_block)

    def wilderness(self):
        return self.committed - FENCE - self.top

    def allocate(self, need):
        """A hole; else the wilderness; else a sweep; else the heap grows."""
        hole = self.search(need)
        if hole is None and need > self.wilderness():
            if self.sweep():
                return self.allocate(need)
            self.grow(need)
            if self.listed:
                hole = self.list_wilderness()
        if hole is None:
            return self.from_wilderness(need)
        self.rover = hole
        return self.cut(hole, need)

    def search(self, need):
        hole, links = self.policy(self, need)
        self.links += links
        return hole

    def cut(self, hole, need):
        """The lower end of a hole becomes a block; the rest stays a hole."""
        roving = self.rover is hole
        self.unlink(hole)  # a rover that stands here goes on to the next
        hole.live = True
        if hole.bytes - need < self.split_min:
            self.exact_fits += 1
            return hole
        rest = self.split(hole, need)
        rest.live = False
        self.link(rest, place_is_known=True)
        if roving:
            self.rover = rest
        return hole

    def grow(self, need):
        last = self.blocks[-1] if self.blocks else None
        at_end = self.wilderness()
        if self.listed and self.coalesce != "never" and last and not last.live:
            at_end = last.bytes
        self.committed += round_up(need - at_end, self.growth)
        self.grows += 1

    def from_wilderness(self, need):
        block = Block(self.top, need, True)
        self.blocks.append(block)
        self.top += need
        return block

    def list_wilderness(self):
        """wilderness=listed: fresh memory is a hole, with one before it."""
        hole = self.from_wilderness(self.wilderness())
        hole.live = False
        if self.coalesce == "never":
            self.link(hole)
            return hole
        return self.merge(hole)

    def split(self, block, need):
        """[block] => [block][rest], both live."""
        rest = Block(block.start + need, block.bytes - need, True)
        block.bytes = need
        self.blocks.insert(self.blocks.index(block) + 1, rest)
        self.splits += 1
        return rest

    # --- resizing ------------------------------------------------------------

    def cut_tail(self, block, need):
        if block.bytes - need >= self.split_min:
            self.release(self.split(block, need))

    def grow_in_place(self, block, missing):
        if block is self.blocks[-1]:
            if missing > self.wilderness():
                return False
            block.bytes += missing
            self.top += missing
            return True
        after = self.blocks[self.blocks.index(block) + 1]
        if after.live or after.bytes < missing:
            return False
        self.cut(after, missing)
        self.blocks.remove(after)
        block.bytes += after.bytes
        return True

    # --- freeing -------------------------------------------------------------

    def release(self, block):
        block.live = False
        self.freed_since_sweep = True
        if self.coalesce == "immediate":
            self.merge(block)
        else:
            self.link(block)

    def merge(self, block):
        """Joins a free block, not on the chain, with its free neighbours."""
        at = self.blocks.index(block)
        low, high = at, at
        while low > 0 and not self.blocks[low - 1].live:
            low -= 1
        while high + 1 < len(self.blocks) and not self.blocks[high + 1].live:
            high += 1
        parts = self.blocks[low:high + 1]
        roving = any(part is self.rover for part in parts)
        for part in parts:
            if part is not block:
                self.unlink(part)
        self.merges += len(parts) - 1
        whole = parts[0]
        whole.bytes = sum(part.bytes for part in parts)
        del self.blocks[low + 1:high + 1]
        if whole is self.blocks[-1] and not self.listed:
            self.blocks.pop()  # the wilderness has it
            self.top = whole.start
            self.merges += 1
            return None
        self.link(whole, place_is_known=len(parts) > 1)
        if roving:
            self.rover = whole
        return whole

    def sweep(self):
        """coalesce=deferred: merges all; True if anything was to be merged."""
        if self.coalesce != "deferred" or not self.freed_since_sweep:
            return False
        before, at = self.merges, 0
        while at < len(self.blocks):
            block = self.blocks[at]
            last = at + 1 == len(self.blocks)
            joins = not self.listed if last else not self.blocks[at + 1].live
            if not block.live and joins:
                roving = self.rover is block
                self.unlink(block)
                whole = self.merge(block)
                if roving and whole:
                    self.rover = whole
            at += 1
        self.freed_since_sweep = False
        return self.merges > before

    # --- the chain -----------------------------------------------------------

    def unlink(self, hole):
        at = self.chain.index(hole)
        del self.chain[at]
        if self.rover is hole:
            self.rover = self.chain[at] if at < len(self.chain) else None

    def link(self, hole, place_is_known=False):
        """Where the order wants it; what is looked at on the way counts."""
        if self.order == "lifo":
            self.chain.insert(0, hole)
        elif self.order == "fifo":
            self.chain.append(hole)
        else:
            place, key = 0, self.key(hole)
            while place < len(self.chain) and self.key(self.chain[place]) < key:
                place += 1
            if not (self.order == "address" and place_is_known):
                self.links += min(place + 1, len(self.chain))
            self.chain.insert(place, hole)

    def key(self, hole):
        if self.order == "address":
            return hole.start
        return hole.bytes, hole.start
