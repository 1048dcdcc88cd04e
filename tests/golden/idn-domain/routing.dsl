# covers: known:u-labels
# A domain with U-labels is the domain with its A-labels.

mta hub {
    target     postfix
    hostname   mx.own.example
    trust      10.0.0.0/8
    postmaster bob@own.example
}

system store {
    domain  büro.example
    account bob@straße.example, bob@büro.example
    account carol@xn--mnchen-3ya.example
}

domain straße.example
domain MÜNCHEN.example

connector to-store {
    to         store
    smart-host store.own.example
}

connector internet {
    address-space *
    dns
}

contact "Bob" {
    primary   bob@büro.example
    secondary robert@xn--strae-oqa.example
}
