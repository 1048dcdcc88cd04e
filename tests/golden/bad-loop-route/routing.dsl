# covers: code:loop::route

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
}

system ping {
    address  10.0.0.9
    domain   ping.example
    forwards ping.example to hub
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector to-ping {
    to         ping
    smart-host ping.own.example
}

connector internet {
    address-space *
    dns
}
