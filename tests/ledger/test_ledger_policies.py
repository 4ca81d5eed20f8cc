"""Policies: the specification's example with real keys, every rule of the format, and a slow count of the quorum."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accord.ledger.checkpoints import Checkpoint
from accord.ledger.notes import Note, SignatureType, SigningKey, add_signatures, sign_note
from accord.ledger.policies import Group, Policy, Witness, parse_policy
from accord.ledger.tree import leaf_hash
from accord.vocabulary.errors import MalformedError, SettingsError, UnprovenError

ORIGIN = "fusion.example/ledger"
LOG = SigningKey(name=ORIGIN, type=SignatureType.ED25519, seed=bytes(32))
NAMES = ["X1", "X2", "X3", "Y1", "Y2", "Y3"]
WITNESSES = {
    name: SigningKey(name=f"{name}.example", type=SignatureType.COSIGNATURE_V1, seed=bytes([number]) * 32)
    for number, name in enumerate(NAMES, start=1)
}
KEYS = {name: str(key.verifier) for name, key in WITNESSES.items()}
HEAD = Checkpoint(origin=ORIGIN, size=3, root=leaf_hash(b""))

# the example of C2SP tlog-policy, with keys in it, and with the comments, blanks and tabs that the format allows
EXAMPLE = f"""\
# who may say what is in the ledger
log {LOG.verifier}

witness X1 {KEYS["X1"]}
witness X2 {KEYS["X2"]}  https://x2.example/witness/
\twitness\tX3 \t {KEYS["X3"]}\t
group X-witnesses 2 X1 X2 X3

  # the second organisation
witness Y1 {KEYS["Y1"]}
witness Y2 {KEYS["Y2"]}
witness Y3 {KEYS["Y3"]}
group Y-witnesses any Y1 Y2 Y3

group X-and-Y all X-witnesses Y-witnesses
quorum X-and-Y
"""


def cosigned(*names: str, head: Checkpoint = HEAD, log: SigningKey = LOG) -> Note:
    note = sign_note(head.text, [log])
    return add_signatures(note, [WITNESSES[name].cosign(head.text, 1_700_000_000) for name in names])


def satisfied(policy: Policy, note: Note) -> bool:
    try:
        policy.verify(note)
    except UnprovenError:
        return False
    return True


def test_the_example_asks_for_two_of_the_one_and_any_of_the_other() -> None:
    # "it is required that there are valid cosignatures from at least two of the X-witnesses, and from at least one of
    # the Y-witnesses"
    policy = parse_policy(EXAMPLE.encode())
    for count in range(7):
        for names in combinations(NAMES, count):
            x, y = sum(name[0] == "X" for name in names), sum(name[0] == "Y" for name in names)
            assert satisfied(policy, cosigned(*names)) is (x >= 2 and y >= 1), names


def test_a_policy_is_read_with_its_names_and_addresses() -> None:
    policy = parse_policy(EXAMPLE.encode())
    assert [log.key for log in policy.logs] == [LOG.verifier]
    assert [one.name for one in policy.witnesses] == NAMES
    assert [one.url for one in policy.witnesses][:3] == [None, "https://x2.example/witness/", None]
    assert isinstance(policy.quorum, Group)
    assert policy.quorum.needed == 2


def test_what_is_missing_is_said_in_the_policys_names() -> None:
    with pytest.raises(UnprovenError) as caught:
        parse_policy(EXAMPLE.encode()).verify(cosigned("X2", "Y1"))
    assert caught.value.expected == "2 of (2 of (X1, X2, X3), 1 of (Y1, Y2, Y3))"
    assert caught.value.got == "X2, Y1"


def test_a_witness_counts_once_however_often_it_cosigns() -> None:
    policy = parse_policy(EXAMPLE.encode())
    note = add_signatures(cosigned("X1", "Y1"), [WITNESSES["X1"].cosign(HEAD.text, 1_700_000_060)])
    assert not satisfied(policy, note)


def test_no_quorum_of_witnesses_stands_for_the_log() -> None:
    policy = parse_policy(EXAMPLE.encode())
    note = cosigned(*NAMES)
    alone = Note(text=note.text, signatures=note.signatures[1:])
    with pytest.raises(UnprovenError, match="No log of the policy"):
        policy.verify(alone)


def test_a_log_vouches_for_its_own_checkpoints_only() -> None:
    second = SigningKey(name="other.example/log", type=SignatureType.ED25519, seed=bytes([99]) * 32)
    policy = parse_policy(f"log {LOG.verifier}\nlog {second.verifier}\nquorum none\n".encode())
    theirs = Checkpoint(origin="other.example/log", size=3, root=leaf_hash(b""))
    assert policy.verify(sign_note(theirs.text, [second]))[0] == theirs
    assert policy.verify(cosigned())[0] == HEAD
    for note in (sign_note(theirs.text, [LOG]), sign_note(HEAD.text, [second])):
        with pytest.raises(UnprovenError):
            policy.verify(note)


def test_a_quorum_of_none_asks_for_the_log_alone() -> None:
    policy = parse_policy(f"log {LOG.verifier}\nquorum none\n".encode())
    assert policy.quorum is None
    assert satisfied(policy, cosigned())


def test_a_single_witness_may_be_the_quorum() -> None:
    policy = parse_policy(f"witness X1 {KEYS['X1']}\nquorum X1\nlog {LOG.verifier}\n".encode())
    assert isinstance(policy.quorum, Witness)
    assert satisfied(policy, cosigned("X1"))
    assert not satisfied(policy, cosigned("X2"))


def test_a_policy_without_a_log_accepts_no_checkpoint() -> None:
    policy = parse_policy(f"witness X1 {KEYS['X1']}\nquorum X1\n".encode())
    with pytest.raises(UnprovenError, match="No log of the policy"):
        policy.verify(cosigned("X1"))


def test_a_bad_cosignature_refuses_the_checkpoint() -> None:
    note = cosigned(*NAMES)
    (first, *others) = note.signatures[1:]
    forged = WITNESSES["X1"].cosign(HEAD.text.replace("3", "4"), 1_700_000_000)
    assert forged.key_id == first.key_id
    with pytest.raises(UnprovenError, match="not by the key"):
        parse_policy(EXAMPLE.encode()).verify(Note(text=note.text, signatures=(note.signatures[0], forged, *others)))


def test_a_note_that_is_no_checkpoint_is_refused() -> None:
    with pytest.raises(MalformedError):
        parse_policy(EXAMPLE.encode()).verify(sign_note("a poem\n", [LOG]))


X1, X2 = f"witness X1 {KEYS['X1']}\n", f"witness X2 {KEYS['X2']}\n"


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ("", "no quorum"),
        (X1, "no quorum"),
        ("quorum none", "cut off"),
        ("quorum none\nquorum none\n", "second quorum"),
        ("quorum X1\n" + X1, "not defined above"),
        ("quorum\n", "not understood"),
        ("quorum none none\n", "not understood"),
        ("quorum none # really\n", "not understood"),
        ("Quorum none\n", "not understood"),
        ("log\nquorum none\n", "not understood"),
        (f"log {LOG.verifier} https://a.example/ more\nquorum none\n", "not understood"),
        (f"witness X1 {KEYS['X1']} https://a.example/ more\nquorum none\n", "not understood"),
        ("witness X1\nquorum none\n", "not understood"),
        ("group all\nquorum none\n", "not understood"),
        (X1 + "group g all\nquorum g\n", "not understood"),
        (X1 + "group g 0 X1\nquorum g\n", "never be complete"),
        (X1 + "group g 2 X1\nquorum g\n", "never be complete"),
        (X1 + "group g 01 X1\nquorum g\n", "never be complete"),
        (X1 + "group g -1 X1\nquorum g\n", "never be complete"),
        (X1 + "group g ALL X1\nquorum g\n", "never be complete"),
        (X1 + "group g any X1 X1\nquorum g\n", "twice"),
        (X1 + "group g any X1\ngroup h any X1\nquorum h\n", "twice"),
        (X1 + "group g any g\nquorum g\n", "not defined above"),
        (X1 + "group g any none\nquorum g\n", "not defined above"),
        (X1 + "group X1 any X1\nquorum X1\n", "taken"),
        (X1 + "group none any X1\nquorum none\n", "taken"),
        (X1 + X1.replace(KEYS["X1"], KEYS["X2"]) + "quorum X1\n", "taken"),
        (f"witness none {KEYS['X1']}\nquorum none\n", "taken"),
        (X1 + X1.replace("X1 ", "again "), "key twice"),
        (f"log {LOG.verifier}\nlog {LOG.verifier}\nquorum none\n", "key twice"),
        (f"log {KEYS['X1']}\nquorum none\n", "wrong type"),
        (f"witness X1 {LOG.verifier}\nquorum X1\n", "wrong type"),
        ("log fusion.example/ledger+00000000+AAAA\nquorum none\n", "not known"),
        ("log key\nquorum none\n", "no verifier key"),
        ("quorum none\r\n", "no policy"),
        ("quorum none\x00\n", "no policy"),
        ("quorum none\x7f\n", "no policy"),
        ("quorum\x0bnone\n", "no policy"),
    ],
)
def test_what_is_no_policy_is_refused_in_words(policy: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_policy(policy.encode())


def test_two_keys_are_one_when_only_their_names_differ() -> None:
    # "Two vkeys are considered duplicate if they wrap the same underlying public key, even if they differ by key name"
    renamed = SigningKey(name="else.example", type=SignatureType.COSIGNATURE_V1, seed=WITNESSES["X1"].seed)
    with pytest.raises(SettingsError, match="key twice"):
        parse_policy(f"{X1}witness else {renamed.verifier}\nquorum X1\n".encode())


def test_names_are_octets() -> None:
    # "the name 0x4B (ASCII "K") is different from the name 0xE2 0x84 0xAA (a Kelvin sign encoded using UTF-8)"
    lines = [
        b"witness K " + KEYS["X1"].encode(),
        b"witness \xe2\x84\xaa " + KEYS["X2"].encode(),
        b"witness \xff\xfe " + KEYS["X3"].encode(),
        b"group g all K \xe2\x84\xaa \xff\xfe",
        b"quorum g",
        b"log " + str(LOG.verifier).encode(),
        b"",
    ]
    policy = parse_policy(b"\n".join(lines))
    assert satisfied(policy, cosigned("X1", "X2", "X3"))
    with pytest.raises(UnprovenError) as caught:
        policy.verify(cosigned("X1"))
    assert str(caught.value)
    with pytest.raises(SettingsError) as unknown:
        parse_policy(b"quorum \xff\n")
    str(unknown.value).encode()


def test_many_logs_witnesses_and_groups_are_read() -> None:
    # "It is strongly recommended that an implementation supports at least up to 32 logs, 32 witnesses, and 32 groups."
    logs = [SigningKey(name=f"log{n}", type=SignatureType.ED25519, seed=bytes([n]) * 32) for n in range(100)]
    keys = [SigningKey(name=f"w{n}", type=SignatureType.COSIGNATURE_V1, seed=bytes([n]) * 32) for n in range(100)]
    lines = [f"log {key.verifier}" for key in logs] + [f"witness w{n} {key.verifier}" for n, key in enumerate(keys)]
    lines += ["group g0 any w0", *(f"group g{n} any g{n - 1} w{n}" for n in range(1, 100)), "quorum g99", ""]
    policy = parse_policy("\n".join(lines).encode())
    assert policy.reached({keys[0].verifier})
    assert not policy.reached(set())


def test_groups_may_be_nested_as_deep_as_a_file_is_long() -> None:
    depth = 20_000
    lines = [X1 + "group g0 any X1", *(f"group g{n} any g{n - 1}" for n in range(1, depth)), f"quorum g{depth - 1}", ""]
    with pytest.raises(SettingsError, match="nested"):
        parse_policy("\n".join(lines).encode())


@given(st.binary(max_size=200) | st.text(alphabet="loggroupwitnessquorumnone \t\n#1", max_size=80).map(str.encode))
def test_any_bytes_are_a_policy_or_refused(data: bytes) -> None:
    try:
        policy = parse_policy(data)
    except SettingsError:
        return
    assert policy.quorum is None


trees = st.recursive(
    st.just("witness"),
    lambda inner: st.tuples(st.integers(1, 5), st.lists(inner, min_size=1, max_size=4)),
    max_leaves=6,
)


@given(tree=trees, signed=st.sets(st.sampled_from(NAMES)))
def test_a_quorum_is_reached_as_a_slow_count_says(tree, signed: set[str]) -> None:
    lines: list[str] = []
    free = iter(NAMES)

    def write(node) -> tuple[str, bool]:
        """The node's name in the policy, and whether it has witnessed."""
        if node == "witness":
            name = next(free)
            lines.append(f"witness {name} {KEYS[name]}")
            return name, name in signed
        needed, inner = node
        members = [write(one) for one in inner]
        needed = min(needed, len(members))
        name = f"g{len(lines)}"
        lines.append(f"group {name} {needed} {' '.join(one for one, _ in members)}")
        return name, sum(witnessed for _, witnessed in members) >= needed

    name, expected = write(tree)
    policy = parse_policy("\n".join([*lines, f"quorum {name}", ""]).encode())
    assert policy.reached({WITNESSES[one].verifier for one in signed}) is expected
