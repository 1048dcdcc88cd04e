# covers: field:connector.auth, known:auth

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

connector out {
    address-space *
    smart-host    smtp.isp.example:587, smtp2.isp.example:587
    tls           verified
    auth          own-relay password file /etc/mailswitch/isp.password
}
