"""Every way a call can be refused: its code, what happened, and what to do about it.

Codes are part of the chain's law (receipts are hashed): never reuse or renumber one.
"""

from consensus.errors import CallError


class NotEnoughFunds(CallError):
    """The signer's free balance is smaller than the amount the call moves."""

    code = 2
    remedy = "Send less, or add TAO to the signing account first."


class AmountTooSmall(CallError):
    """An amount of zero, or below the network's least stake."""

    code = 3
    remedy = "Use a larger amount; `stake_min` of the network is the least stake."


class UnknownSubnet(CallError):
    """No subnet has this netuid."""

    code = 4
    remedy = "List the subnets that exist and use one of their netuids."


class UnknownHotkey(CallError):
    """Nobody has claimed this hotkey."""

    code = 5
    remedy = "Check the address; a hotkey is claimed by registering it in a subnet."


class NotOwner(CallError):
    """The hotkey belongs to another coldkey than the signer."""

    code = 6
    remedy = "Sign with the coldkey that owns the hotkey."


class AlreadyRegistered(CallError):
    """The hotkey has a uid in this subnet."""

    code = 7
    remedy = "Nothing to do: the hotkey is registered already."


class PriceTooHigh(CallError):
    """The registration price is above the caller's limit."""

    code = 8
    remedy = "Wait until the price has decayed, or raise the limit."


class NotEnoughStake(CallError):
    """The signer has less stake on the hotkey than it wants back."""

    code = 9
    remedy = "Ask for at most what the account's stake on this hotkey is worth."


class PoolDepleted(CallError):
    """A share pool slashed so far that new stake can't be counted in its shares."""

    code = 10
    remedy = "Stake on another hotkey, or first withdraw what is left on this one."


class TakeOutOfBounds(CallError):
    """A take above the network's highest."""

    code = 11
    remedy = "Choose a take of at most `take_max`."


class TakeRaisedTooSoon(CallError):
    """A second raise of a take within `take_raise_blocks`."""

    code = 12
    remedy = "Wait until the interval since the last raise is over; a cut is possible at once."


class NotRegistered(CallError):
    """The signing hotkey has no uid in this subnet."""

    code = 13
    remedy = "Register the hotkey in the subnet, and sign with the hotkey."


class RateLimited(CallError):
    """The same call of the same hotkey came too few blocks ago."""

    code = 14
    remedy = "Wait for the stated number of blocks."


class NodeRefused(CallError):
    """The announced node key did not sign its consent to serve this hotkey."""

    code = 15
    remedy = "Let the node sign for this network, subnet and hotkey (`crypto.serve_message`)."


class NoPermit(CallError):
    """The hotkey holds no validator permit, or no stake, in this subnet."""

    code = 16
    remedy = "Permits go to the largest stakes at each epoch step; add stake and wait for the next."


class CommitClosed(CallError):
    """A commitment for another epoch than the current one."""

    code = 17
    remedy = "Commit for the epoch of the block the commitment will be in."


class RevealClosed(CallError):
    """A reveal outside the first blocks of the epoch after its own."""

    code = 18
    remedy = "Reveal after the committed epoch has ended and before its epoch step."


class NoCommitment(CallError):
    """Nothing to open: no commitment for this epoch, or it was opened already."""

    code = 19
    remedy = "Commit first; each commitment opens once."


class RevealMismatch(CallError):
    """The revealed weights are not the ones that were committed."""

    code = 20
    remedy = "Reveal the stored salt, version, uids and values of this very commitment."


class InvalidRow(CallError):
    """A row of weights that breaks the form: order, largest value, count, limit, unknown uid."""

    code = 21
    remedy = "Uids ascending and known, largest value 65535, no weight above the subnet's limit."


class HotkeyRefused(CallError):
    """An unclaimed hotkey that did not sign its consent to the coldkey."""

    code = 22
    remedy = "Let the hotkey sign `crypto.claim_message` for this network and coldkey."


class SubnetsFull(CallError):
    """All subnets are taken, and another newcomer waits for the next place."""

    code = 23
    remedy = "Wait until the subnet under notice has ended; `query subnets` shows when."


class CostTooHigh(CallError):
    """The lock of a new subnet is above the caller's limit."""

    code = 24
    remedy = "Wait until the cost has fallen, or raise the limit."


class AlreadyStarted(CallError):
    """The subnet has started."""

    code = 25
    remedy = "Nothing to do: emission flows already."


class TooEarly(CallError):
    """A call before the height from which it is possible."""

    code = 26
    remedy = "Wait for the stated height."


class UnknownName(CallError):
    """No rule or parameter has this name, or nobody may change it."""

    code = 27
    remedy = "Check the spelling; docs/economy.md lists the names and their bounds."


class OutOfBounds(CallError):
    """A value outside the bounds of its rule or parameter."""

    code = 28
    remedy = "Choose a value within the stated bounds."


class Frozen(CallError):
    """A change in the last blocks of an epoch."""

    code = 29
    remedy = "Send it after the next epoch step."


class ChangedTooSoon(CallError):
    """A second change of the same rule within its interval."""

    code = 30
    remedy = "Wait for the stated number of blocks."


class RegistrationClosed(CallError):
    """The subnet takes no new neurons."""

    code = 31
    remedy = "Choose another subnet, or ask its owner to open it."


class SubnetClosed(CallError):
    """The subnet is ending and takes no more of this."""

    code = 32
    remedy = "Choose another subnet; its alpha is paid out by itself."


class SameKey(CallError):
    """A key that stands on both sides."""

    code = 33
    remedy = "Name two different keys."


class RootIsBonded(CallError):
    """Root stake that should move at once to another hotkey."""

    code = 34
    remedy = "Unstake it, wait for the unbonding time, stake it again: it answers for faults."


class LimitOutOfReach(CallError):
    """A limit that no price can meet."""

    code = 35
    remedy = "Use a limit above zero for a purchase."


class InvalidChildren(CallError):
    """Children that repeat, sum to more than all, lend on what is lent, or have many parents."""

    code = 36
    remedy = "At most five different hotkeys without children of their own, shares of 65535 in all."


class PriceOutOfBounds(CallError):
    """A miner's price above its subnet's cap."""

    code = 37
    remedy = "Ask for at most `miner_price_cap`."


class KeyInUse(CallError):
    """The new key has a past of its own."""

    code = 38
    remedy = "Use a key that was never claimed, registered or announced."


class NothingAnnounced(CallError):
    """No swap of this coldkey was announced to that key."""

    code = 39
    remedy = "Announce it first; cancel ends an announcement."


class TooMuchToMove(CallError):
    """More entries than one call may move."""

    code = 40
    remedy = "Merge or withdraw some of what the key has first."


class KeyRefused(CallError):
    """The consensus key did not sign its consent to vote for this hotkey."""

    code = 41
    remedy = "Sign `crypto.consensus_message` with the consensus key."


class UnknownProposal(CallError):
    """No proposal has this number."""

    code = 42
    remedy = "List the proposals and use one of their numbers."


class VotingClosed(CallError):
    """A vote outside the proposal's voting time."""

    code = 43
    remedy = "Vote while the proposal is open; the next one is another chance."


class NoRootStake(CallError):
    """A vote or proposal without root stake behind the hotkey."""

    code = 44
    remedy = "Stake TAO at root on the hotkey first."


class InvalidProposal(CallError):
    """A proposal that could never take effect."""

    code = 45
    remedy = "Name a parameter within its bounds, a higher protocol version, and a later height."


class UnknownChannel(CallError):
    """No open channel has this id."""

    code = 46
    remedy = "Check the id; a channel that ended is gone."


class NotPayee(CallError):
    """A voucher redeemed by somebody else than its payee."""

    code = 47
    remedy = "Sign with the hotkey the channel pays."


class NotParty(CallError):
    """A channel closed by neither of its two parties."""

    code = 48
    remedy = "Sign with the payer's coldkey or the payee's hotkey."


class VoucherForged(CallError):
    """The payer did not sign this voucher."""

    code = 49
    remedy = "Ask the payer for a voucher signed for this channel and amount."


class VoucherStale(CallError):
    """A voucher that pays nothing more than was redeemed already."""

    code = 50
    remedy = "Present only the newest voucher, each of them once."


class VoucherTooLarge(CallError):
    """A voucher over more than the channel's deposit."""

    code = 51
    remedy = "The payer must open a channel with a larger deposit."


class ChannelEnded(CallError):
    """The channel's expiry has come."""

    code = 52
    remedy = "Redeem before the expiry; the rest went back to the payer."


class ExpiryOutOfBounds(CallError):
    """An expiry in the past or too far ahead."""

    code = 53
    remedy = "Choose a height within `channel_blocks_max` blocks."


class AlreadyClosing(CallError):
    """The payer has asked for the end already."""

    code = 54
    remedy = "Wait until the dispute window is over: the rest comes back by itself."


class SameSubnet(CallError):
    """A swap of stake from a subnet to itself."""

    code = 55
    remedy = "Move the stake to another hotkey instead, or name another subnet."


class NotPrintable(CallError):
    """A text with characters that can't be shown, or that change how others are."""

    code = 56
    remedy = "Leave out line breaks, control, formatting and private characters."


class GovernanceFull(CallError):
    """As many proposals are open, or ballots cast on one, as there may be."""

    code = 57
    remedy = "Wait until a vote has ended."
