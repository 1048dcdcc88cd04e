# covers: known:load-balancing, field:connector.cost
# Equal costs share the load: each is an outcome.

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
}

connector left {
    address-space *
    smart-host    left.isp.example
}

connector right {
    address-space *
    smart-host    right.isp.example
}
