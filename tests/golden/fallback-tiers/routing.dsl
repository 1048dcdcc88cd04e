# covers: field:connector.cost, known:fallback, known:one-transport
# A dearer connector takes over when no host of the cheaper one answers; `world.txt` has those dead.

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

connector first {
    address-space * cost 10
    smart-host    out1.isp.example, out2.isp.example
}

connector second {
    address-space * cost 20
    smart-host    out.backup.example
    tls           required
}
