# covers: field:connector.dns, known:fallback-relay
# MX lookup first; a smart host where nothing of it answers.

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

connector internet {
    address-space * cost 10
    dns
}

connector behind {
    address-space * cost 20
    smart-host    out.isp.example
}
