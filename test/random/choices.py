"""The decisions behind a random case, as a list of numbers that can be replayed and made simpler.

Whatever is generated asks for one number after another. The same numbers give the same case, and a
smaller number, or none (which counts as 0), gives a simpler one. So a case that shows a difference
is shrunk without knowing what it is: numbers are dropped and lowered as long as it still differs.
"""

import random


class Choices:
    def __init__(self, seed=None, replay=None, around=frozenset()):
        self._random = random.Random(seed) if replay is None else None
        self._replay = replay
        self.around = around  # constructs to be written otherwise (faults.py)
        self.made = []

    def below(self, count):
        """A number from 0 to count - 1; 0 shall stand for the simplest."""
        if self._replay is None:
            value = self._random.randrange(count)
        else:
            at = len(self.made)
            value = min(self._replay[at], count - 1) if at < len(self._replay) else 0
        self.made.append(value)
        return value

    def chance(self, percent):
        return self.below(100) >= 100 - percent

    def pick(self, items):
        return items[self.below(len(items))]

    def weighted(self, items):
        """One of (weight, item); the first is the simplest."""
        at = self.below(sum(weight for weight, _ in items))
        for weight, item in items:
            if at < weight:
                return item
            at -= weight
        raise AssertionError("weights do not add up")


def shrink(numbers, still_fails, tries_max=400):
    """The simplest numbers found for which still_fails holds, as it does for those given."""
    tries = 0

    def attempt(candidate):
        nonlocal numbers, tries
        if candidate == numbers or tries >= tries_max:
            return False
        tries += 1
        if still_fails(candidate):
            numbers = candidate
            return True
        return False

    improved = True
    while improved and tries < tries_max:
        improved = False
        size = max(1, len(numbers) // 2)
        while size >= 1 and tries < tries_max:
            at = 0
            while at < len(numbers) and tries < tries_max:
                if attempt(numbers[:at] + numbers[at + size:]):
                    improved = True
                elif any(numbers[at:at + size]) and attempt(
                        numbers[:at] + [0] * len(numbers[at:at + size]) + numbers[at + size:]):
                    improved = True
                    at += size
                else:
                    at += size
            size //= 2
        for at, value in enumerate(list(numbers)):
            if at < len(numbers) and value > 1 and attempt(
                    numbers[:at] + [value // 2] + numbers[at + 1:]):
                improved = True
    return numbers
