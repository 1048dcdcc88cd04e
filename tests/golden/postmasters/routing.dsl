# covers: field:mta.postmaster, field:mta.hostname, known:postmaster-owned
# The postmaster of each domain of ours and of the machine itself, unless somebody has that address.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
    account postmaster@second.example, carol@second.example
}

domain own.example
domain second.example
domain third.example

relay domain fourth.example {
    verify
}

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-fourth {
    address-space fourth.example
    smart-host    mail.fourth.example
}

connector internet {
    address-space *
    dns
}

contact "Third" {
    primary   carol@second.example
    secondary postmaster@third.example, info@third.example
}

contact "Abuse" {
    primary   abuse@other.example
    secondary abuse@mx.own.example
}
