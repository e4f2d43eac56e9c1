"""Keys: what is made is proved, nothing else is, and what is kept tells no secret."""

import re

import pytest

from core.ledger.key import Caller, Scope, make_key, matches, may_match, prove, split_key


def test_a_key_is_its_prefix_and_192_random_bits() -> None:
    prefix, secret, whole = make_key()
    assert whole == f"sl_{prefix}_{secret}"
    assert split_key(whole) == (prefix, secret)
    assert re.fullmatch("[0-9a-f]{48}", secret)
    assert make_key()[1] != secret


@pytest.mark.parametrize("text", ["", "sl_", "sl_0123_456", "SL_" + "0" * 8 + "_" + "0" * 48, "\xff" * 64])
def test_what_is_no_key_is_seen_at_once(text: str) -> None:
    assert split_key(text) is None


def test_only_the_secret_itself_matches_its_proof_which_does_not_hold_it() -> None:
    (_, secret, _), (_, other, _) = make_key(), make_key()
    proof = prove(secret)
    assert may_match(secret, proof)
    assert matches(secret, proof)
    assert not matches(other, proof)
    assert not may_match(other, proof)
    assert secret not in proof.slow + proof.hint


def test_a_proof_is_salted_and_says_how_slow_it_is_as_owasp_advises() -> None:
    _, secret, _ = make_key()
    first, second = prove(secret), prove(secret)
    assert first.slow != second.slow
    assert first.slow.startswith("scrypt$16384$8$5$")


def test_admin_may_all_and_sees_all_and_others_see_their_own() -> None:
    admin, reader = Caller("aa", frozenset({Scope.ADMIN})), Caller("bb", frozenset({Scope.READ}))
    assert all(admin.may(scope) for scope in Scope)
    assert [scope for scope in Scope if reader.may(scope)] == [Scope.READ]
    assert (admin.visible_owner, reader.visible_owner) == ("", "bb")
