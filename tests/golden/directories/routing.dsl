# covers: field:contacts.from, field:contacts.columns, field:system.accounts-from
# Contacts and accounts from CSV and LDIF, and columns with other names.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
    accounts from "staff.csv"
    accounts from "more.ldif"
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

contacts from "partners.csv" {
    name      "Who"
    primary   "Mail"
    secondary "Aliases"
}

contacts from "guests.ldif"
