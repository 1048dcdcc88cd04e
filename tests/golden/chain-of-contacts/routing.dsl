# covers: known:cycle, field:contact.primary, field:contact.secondary
# Contacts may lead to contacts, as long as they come to an end.

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

contact "Old name" {
    primary   maiden@own.example
    secondary oldest@own.example
}

contact "Married" {
    primary   married@own.example
    secondary maiden@own.example
}

contact "Away" {
    primary   guest@other.example
    secondary married@own.example
}

contact "Home" {
    primary   bob@own.example
    secondary robert@own.example, rob@own.example
}
