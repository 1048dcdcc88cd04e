# covers: field:mta.listen, field:mta.tls

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
    listen     0.0.0.0:25, [::]:25, 0.0.0.0:587
    tls certificate /etc/mailswitch/mx.pem key /etc/mailswitch/mx.key
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
    address-space *
    dns
}
