mod accounts;
mod fifo;
mod harness;
mod http;
mod publishing;
mod subscriptions;
mod topics;
