# Week 45: those who will answer the questions of all the others.

contact "Anna Berg" {
    primary   anna.berg@fabrikam.mail.hosted.example
    secondary anna.berg@fabrikam.com, anna@fabrikam.com
}

contact "Helpdesk" {
    primary   helpdesk@fabrikam.mail.hosted.example
    secondary helpdesk@fabrikam.com, it@fabrikam.com, support@fabrikam.com
}
