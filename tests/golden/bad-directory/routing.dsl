# covers: code:directory::missing, code:directory::outside, code:directory::invalid, code:directory::row

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
    address-space *
    dns
}

contacts from "nowhere.csv"
contacts from "../directories/staff.csv"
contacts from "no-columns.csv"
contacts from "rows.csv"
contacts from "not.ldif"
