"""`neurond wallet`: its verbs by name, and where each is."""

from daemon.cli.groups import make_group

_ROOM = "daemon.cli.wallet"
wallet = make_group(
    "wallet",
    "Make, keep and use keys.",
    {
        "create": (f"{_ROOM}.creating:create", "Make a wallet: a coldkey and its hotkeys."),
        "new-hotkey": (f"{_ROOM}.creating:new_hotkey", "Make one more hotkey."),
        "list": (f"{_ROOM}.listing:list_keys", "List the keys and their addresses."),
        "show": (f"{_ROOM}.listing:show", "Show one key and what restores it."),
        "import": (f"{_ROOM}.importing:import_key", "Restore a key from words, seed or file."),
        "export": (f"{_ROOM}.exporting:export", "Give out a key's words, seed or file."),
        "sign": (f"{_ROOM}.signing:sign", "Sign a message or a file."),
        "verify": (f"{_ROOM}.signing:verify", "Tell whether somebody signed a message."),
        "change-password": (
            f"{_ROOM}.resealing:change_password",
            "Seal keys under another password.",
        ),
        "remove": (f"{_ROOM}.removing:remove", "Delete a key's file."),
    },
)
