import { pageHead } from "../components/bits.js";

export default function page({ draw }) {
  draw(pageHead("dashboard"));
}
