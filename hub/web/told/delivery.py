"""What the hub itself says of a delivery, a command, a recording and a statement."""

from __future__ import annotations

from hub.web.told.marked import _l

SENTENCES = (
    _l("its time passed before it could be sent"),
    _l("the PBX told nothing of the call"),
    _l("nobody could be rung in time"),
    _l("no PBX can ring this employee: the extension is not known"),
    _l("a call that the CRM opened is not registered again"),
    _l("CRM call %(id)s"),
    _l("the recording is not kept yet"),
    _l("the kept recording %(number)s is gone from the disk"),
    _l("the client was reached meanwhile"),
    _l("no longer rings"),
    _l("waits for step %(step)s, which is %(state)s: replay that one first"),
    _l("not in the CRM yet; it may still be on its way"),
    _l(
        "3 times the process that sent it ended without a word; replay it after an update, or after a look "
        "at the machine's memory"
    ),
    _l(
        "3 times the process that read it, and nothing else, ended without a word; replay it after an "
        "update, or after a look at the machine's memory"
    ),
    _l("the hub failed: %(kind)s"),
    _l("the hub failed: %(kind)s, before anything was sent"),
    _l("the worker that held it is gone"),
    _l("waits for its turn"),
    _l("The hub itself failed before it was sent (%(kind)s); nobody was rung."),
    _l("The hub itself failed (%(kind)s)."),
    _l("%(title)s takes no commands."),
    _l("no leg of the call waits any more"),
    _l("waits for the call's next leg"),
    _l("the connection %(name)s is %(state)s"),
    _l("The PBX lists no extension %(extension)s that this command could ring."),
    _l("the PBX refused it with code %(code)s"),
    _l("The hub knows no command %(kind)s."),
    _l("A group is rung from a line, and the order names none."),
    _l("the request was taken back"),
    _l("the PBX says that there is no file"),
    _l("no recording within %(number)s days: %(words)s"),
    _l("%(vendor)s has no recordings to fetch"),
    _l("the file is neither MP3 nor WAV"),
    _l("the file has only %(number)s bytes"),
    _l("a web page or a message came instead of audio"),
    _l("it took too long"),
    _l("static number %(number)s was called"),
    _l("it was not decided what the CRM is to show of this call"),
    _l("given up: %(words)s"),
    _l("too late: %(words)s"),
    _l("held back: %(words)s"),
    _l("taken back: %(words)s"),
    _l("no reason is known"),
    _l("it was delivered, and the CRM does not show it: was it deleted there?"),
    _l("%(title)s has no list of calls that the hub can ask for"),
    _l("the connection is %(state)s: %(words)s"),
    _l("the connection is %(state)s:"),
    _l("the CRM shows it %(number)s times"),
    _l("its recording was attached, and the CRM shows none"),
    _l("the CRM shows it: the hub checks"),
    _l("the PBX had this call, and no event of it came"),
    _l("the call is over, and its end never came"),
    _l("the PBX has a recording, and no event told of it"),
    _l("the hub heard of this call, and the PBX's history does not list it"),
    _l("%(title)s keeps no history that the hub can ask for"),
    _l("%(words)s; the hub failed to take it up (%(kind)s)"),
    _l("the CRM shows the call, and the hub did not know: it looks it up before it sends anything"),
)
