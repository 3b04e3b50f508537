"""`neurond wallet`: keys in encrypted files, their words, and what is signed with them."""
