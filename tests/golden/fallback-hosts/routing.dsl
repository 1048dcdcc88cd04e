# covers: field:connector.smart-host, known:hosts-max-try, known:fallback, known:several-nexthops, known:one-transport
# Six smart hosts in order; `world.txt` has the first five dead.

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
    smart-host h1.own.example, h2.own.example:2525, [192.0.2.3], 192.0.2.4, [2001:db8::5]:2525, h6.own.example
}

connector internet {
    address-space *
    dns
}
