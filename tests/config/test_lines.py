from config.lines import find_key_lines

TEXT = '''\
top = 1
[node]  # a table
name = "x"

[p2p]
listen = [
  "/ip4/1.2.3.4/tcp/1", # ]
  """
max_peers = 3
""",
]
max_peers = 4
[[subnets]]
netuid = 1
[subnets.hyper]
tempo = 2
[[subnets.neurons]]
hotkey = "a"
[[subnets.neurons]]
hotkey = "b"
[[subnets]]
netuid = 2
'''


def test_each_key_is_found_on_its_line():
    lines = find_key_lines(TEXT)
    assert lines["top"] == 1
    assert lines["node.name"] == 3
    assert lines["p2p.listen"] == 6


def test_what_only_looks_like_a_key_inside_a_string_is_skipped():
    assert find_key_lines(TEXT)["p2p.max_peers"] == 12


def test_items_of_an_array_of_tables_are_numbered():
    lines = find_key_lines(TEXT)
    assert lines["subnets.0.hyper.tempo"] == 16
    assert lines["subnets.0.neurons.0.hotkey"] == 18
    assert lines["subnets.0.neurons.1.hotkey"] == 20
    assert lines["subnets.1.netuid"] == 22
