# Everything that failures decide: hosts in order, dearer connectors, a shared load, TLS that is required and verified.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster ann@own.example
}

system ordered {
    account ann@own.example
}

system shared {
    account bob@own.example, bert@own.example
    account ben@own.example
}

system strict {
    account carol@own.example
}

system verified {
    account dora@own.example
}

shared domain own.example

connector to-ordered {
    to         ordered
    smart-host first.store.example, second.store.example, 192.0.2.33
}

connector to-shared {
    to         shared
    smart-host balanced left.store.example, right.store.example
}

connector to-strict {
    to         strict
    smart-host strict.store.example
    tls        required
}

connector to-verified {
    to         verified
    smart-host verified.store.example
    tls        verified
    auth       hub password file /etc/mail/password
}

connector cheap {
    address-space * cost 10
    smart-host    cheap1.isp.example, cheap2.isp.example
}

connector dear {
    address-space * cost 20
    smart-host    dear.isp.example
}
