"""Builds, sorts, joins and drops objects: `python3 objects.py COUNT`."""
import json
import random
import sys

random.seed(1)


class Node:
    def __init__(self, key):
        self.key, self.left, self.right = key, None, None


def insert(root, key):
    node = root
    while True:
        side = "left" if key < node.key else "right"
        child = getattr(node, side)
        if child is None:
            setattr(node, side, Node(key))
            return
        node = child


count = int(sys.argv[1])
root = Node(.5)
for _ in range(count):
    insert(root, random.random())
words = ["".join(random.choices("abcdefgh", k=random.randrange(2, 40))) for _ in range(count)]
index = {}
for word in words:
    index.setdefault(word[:2], []).append(word)
text = json.dumps({key: sorted(value) for key, value in sorted(index.items())})
again = json.loads(text)
squares = [n * n for n in range(count * 4)]
print(len(text), len(again), sum(squares), max(words), sum(map(len, again["ab"])))
