# covers: field:connector.balanced, known:load-balancing

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
    smart-host balanced s1.own.example, s2.own.example, s3.own.example
}

connector internet {
    address-space *
    dns
}
