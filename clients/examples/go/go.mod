module example.com/behind-sidgate

go 1.19
