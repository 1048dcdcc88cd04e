# Where the hostname is a relay domain, postmaster@ it is somebody else's, and the bare postmaster is still this MTA's.

mta hub {
    target     exim
    hostname   own.example
    trust      10.0.0.0/8
    postmaster bob@site.example
}

system store {
    account bob@site.example
}

system old {
    domain own.example
}

domain site.example

relay domain own.example {
    verify
}

connector to-store {
    to         store
    smart-host store.site.example
}

connector to-old {
    to         old
    smart-host old.site.example
}

connector internet {
    address-space *
    dns
}
