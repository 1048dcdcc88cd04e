# covers: field:connector.source-address, field:mta.address, known:source-address

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    address    192.0.2.33, 2001:db8::33
}

system store {
    account bob@own.example
}

domain own.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector out {
    address-space  *
    smart-host     out.isp.example
    source-address 192.0.2.33
}
