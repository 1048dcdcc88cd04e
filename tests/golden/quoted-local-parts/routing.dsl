# covers: known:needless-quotes, known:quoted-key, known:lsearch-keys
# Needless quotes are no difference; where they are needed, they are part of the address everywhere.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    account bob@own.example
    account "a b"@own.example, "A.B."@own.example
    account "tab,comma;semi:colon"@own.example
    account "back\\slash"@own.example
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

contact "Spaced" {
    primary   "night shift"@other.example
    secondary "c d"@own.example
}
