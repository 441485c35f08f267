from random import Random

from notifier.gateway.sandbox.tally import IdSet


def test_the_id_set_knows_which_ids_it_has_seen() -> None:
    random = Random(5)
    numbers = [random.randrange(-3_000, 3_000) for _ in range(5_000)]
    numbers += [-(2**63), 2**63 - 1, -(2**63), 2**63 - 1]
    ids, seen = IdSet(), set[int]()

    for number in numbers:
        assert ids.add(number) == (number not in seen)
        seen.add(number)
