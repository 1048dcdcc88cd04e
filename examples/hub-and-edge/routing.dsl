# Litware: an edge in the DMZ, a hub inside.

mta edge {
    target     exim
    hostname   mx.litware.com
    address    192.0.2.25
    postmaster mail-team@litware.com
    subaddress "+"
    max-size   40MB
}

mta hub {
    target     postfix
    hostname   hub.corp.litware.com
    address    10.1.0.25
    trust      10.1.0.0/16
    postmaster mail-team@litware.com
    subaddress "+"
    max-size   40MB
}

system exchange {
    account kim.abercrombie@litware.com, kim@litware.com
    account mail-team@litware.com
}

system lab {
    domain  lab.litware.com
    account yuki@litware.com, yuki@lab.litware.com
    account "night shift"@lab.litware.com
}

# A subsidiary with a mail server of its own; the edge is the gateway in front of it.
system proseware {
    domain proseware.com
}

shared domain litware.com {
    on edge, hub
    mx edge
}

relay domain proseware.com {
    on edge
    verify
}

connector inward {
    from          edge
    to            hub
    address-space litware.com, lab.litware.com, hub.corp.litware.com
}

connector outward {
    from          hub
    to            edge
    address-space *
}

connector to-exchange {
    from       hub
    to         exchange
    smart-host exchange.corp.litware.com
    tls        required
}

connector to-lab {
    from       hub
    to         lab
    smart-host [10.1.4.25]:2525
}

connector to-proseware {
    from       edge
    to         proseware
    smart-host mail.proseware.com
}

connector internet {
    from          edge
    address-space *
    dns
}

contact "Yuki Tanaka" {
    primary   yuki@lab.litware.com
    secondary yuki@litware.com, yuki.tanaka@litware.com
}

expect kim@litware.com from anyone at edge to exchange
expect yuki.tanaka@litware.com from anyone at edge -> yuki@lab.litware.com via inward to lab
expect nobody@litware.com rejected 5.1.1
expect someone@example.org at hub via outward to internet
expect someone@proseware.com at hub to proseware
