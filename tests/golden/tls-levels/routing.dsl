# covers: field:connector.tls, known:verified, known:one-transport

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
    tls        off
}

connector maybe {
    address-space maybe.example
    smart-host    maybe.own.example
    tls           opportunistic
}

connector must {
    address-space must.example
    smart-host    must.own.example
    tls           required
}

connector sure {
    address-space sure.example
    smart-host    sure.own.example
    tls           verified
}

connector named {
    address-space named.example
    smart-host    [192.0.2.9]:2525
    tls           verified name mail.named.example
}

connector private {
    address-space private.example
    smart-host    private.own.example
    tls           verified ca /etc/mailswitch/private-ca.pem
}

connector internet {
    address-space *
    dns
}
