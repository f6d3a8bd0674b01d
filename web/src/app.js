// What every page does: times that go on, live updates, the keyboard, forms that answer in place.
// Every page reads and saves without this.
import { keepTimes } from "./times.js";
import { live } from "./live.js";
import { keyboard } from "./keyboard.js";
import { list } from "./list.js";
import { forms, settle } from "./forms.js";
import { deliveryLog } from "./delivery_log.js";
import { push } from "./push.js";
import { zones } from "./zone.js";

keepTimes();
keyboard();
list();
settle();
forms();
deliveryLog();
zones();
push();
live();
