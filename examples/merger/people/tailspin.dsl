# People with a tailspintoys.com address whose mailbox is not on Domino.

contact "Paul Koch" {
    primary   paul.koch@ex.northwindtraders.com
    secondary paul.koch@tailspintoys.com, pkoch@tailspintoys.com, paul.koch@northwindtraders.com
}

contact "Returns" {
    primary   returns@dock.northwindtraders.com
    secondary returns@tailspintoys.com, returns@northwindtraders.com
}
