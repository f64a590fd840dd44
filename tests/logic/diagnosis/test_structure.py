"""Commands, quoted source code and wrapped exceptions are told from messages."""

from responder.logic.diagnosis.structure import Sort, structure

CHAIN = """Traceback (most recent call last):
  File "a.py", line 1, in <module>
    open(path)
OSError: [Errno 28] No space left on device

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "b.py", line 2, in save
    raise RuntimeError("cannot save") from error
RuntimeError: cannot save
after
"""


def test_source_lines_of_a_traceback_are_no_messages() -> None:
    found = structure(CHAIN)
    assert [number for number, sort in found.sorts.items() if sort is Sort.CODE] == [3, 10]
    assert found.sort(2) is Sort.FRAME
    assert found.sort(4) is Sort.MESSAGE


def test_an_exception_right_after_a_frame_is_a_message() -> None:
    found = structure(
        '[rank2]:   File "a.py", line 1, in f\n[rank2]:     go()\n[rank2]:   File "b.py", line 2, in g\n[rank2]: OSError: full'
    )
    assert [found.sort(number) for number in (1, 2, 3, 4)] == [Sort.FRAME, Sort.CODE, Sort.FRAME, Sort.MESSAGE]


def test_the_first_exception_of_a_chain_is_the_root() -> None:
    found = structure(CHAIN)
    assert not found.wrapped(4)
    assert found.wrapped(11)
    assert not found.wrapped(12)


def test_what_a_person_typed_is_no_message() -> None:
    text = "$ kubectl get pods\nroot@n17:~# dmesg | grep Xid\n[me@login ~]$ squeue\n# nvidia-smi\n>>> import torch\nERROR: x\n100 % done"
    assert [structure(text).sort(number) for number in range(1, 8)] == [Sort.COMMAND] * 5 + [Sort.MESSAGE] * 2
