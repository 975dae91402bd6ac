"""What of a page a person cannot use who does not see it, or sees it badly: our own checks, run in the browser."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page

CHECKS = """() => {
  const wrong = [];
  const say = (what, node) => wrong.push(what + ': ' + (node ? node.outerHTML.slice(0, 120) : ''));
  const named = (node) => (node.getAttribute('aria-label') || '').trim()
    || (node.getAttribute('aria-labelledby') || '').split(' ').map((id) => document.getElementById(id))
        .filter(Boolean).map((n) => n.textContent).join(' ').trim()
    || [...(node.labels || [])].map((l) => l.textContent).join(' ').trim()
    || (['BUTTON', 'A', 'SUMMARY'].includes(node.tagName) ? node.textContent.trim() : '');
  const visible = (node) => !!(node.offsetWidth || node.offsetHeight)
    && getComputedStyle(node).visibility === 'visible';
  if (!document.documentElement.lang) say('no language');
  if (!document.title.trim()) say('no title');
  if (document.querySelectorAll('main').length !== 1) say('not one main');
  if (document.querySelectorAll('h1').length !== 1) say('not one h1');
  for (const nav of document.querySelectorAll('nav')) if (!named(nav)) say('nav without a name', nav);
  let level = 0;
  for (const head of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const own = Number(head.tagName[1]);
    if (own > level + 1) say('heading skips a level', head);
    if (!head.textContent.trim()) say('empty heading', head);
    level = own;
  }
  for (const node of document.querySelectorAll('input:not([type=hidden]), select, textarea, button, a[href], summary'))
    if (visible(node) && !named(node)) say('no name', node);
  for (const image of document.querySelectorAll('img')) if (!image.hasAttribute('alt')) say('no alt', image);
  for (const node of document.querySelectorAll('th')) if (!node.scope) say('th without scope', node);
  for (const table of document.querySelectorAll('table'))
    if (!table.querySelector('th')) say('table without head', table);
  for (const node of document.querySelectorAll('[tabindex]')) if (node.tabIndex > 0) say('tabindex above 0', node);
  for (const node of document.querySelectorAll('.scroll'))
    if (node.tabIndex !== 0 || !named(node)) say('scrolls without keyboard or name', node);
  for (const mark of document.querySelectorAll('.status'))
    if (!mark.textContent.replace(/[^\\w]/g, '')) say('a status without words', mark);
  const ids = [...document.querySelectorAll('[id]')].map((n) => n.id);
  for (const id of new Set(ids)) if (ids.filter((i) => i === id).length > 1) say('id twice: ' + id);
  for (const label of document.querySelectorAll('label[for]'))
    if (!document.getElementById(label.htmlFor)) say('label for nothing', label);
  const parts = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const over = (top, below) => [0, 1, 2].map((n) => top[n] * top[3] + below[n] * (1 - top[3]));
  const ground = (node) => {
    const layers = [];
    for (let one = node; one; one = one.parentElement) {
      const [r, g, b, a = 1] = parts(getComputedStyle(one).backgroundColor);
      layers.push([r, g, b, a]);
      if (a === 1) break;
    }
    let base = matchMedia('(prefers-color-scheme: dark)').matches ? [0, 0, 0] : [255, 255, 255];
    for (const layer of layers.reverse()) base = over(layer, base);
    return base;
  };
  const light = (rgb) => {
    const [r, g, b] = rgb.map((v) => v / 255).map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const seen = new Set();
  for (const node of document.querySelectorAll('body *')) {
    const own = [...node.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !visible(node) || node.closest('[hidden], .skip')) continue;
    const style = getComputedStyle(node);
    const [r, g, b, a = 1] = parts(style.color);
    const below = ground(node), top = over([r, g, b, a], below);
    const [hi, lo] = [light(top), light(below)].sort((x, y) => y - x);
    const ratio = (hi + 0.05) / (lo + 0.05);
    const key = style.color + below.join();
    if (ratio < 4.5 && !seen.has(key)) { seen.add(key); say('contrast ' + ratio.toFixed(2), node); }
  }
  return wrong;
}"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


def barriers(page: Page) -> list[str]:
    """What stands in somebody's way on a page; empty where nothing does that we look for."""
    found: list[str] = page.evaluate(CHECKS)
    return found


def overflow(page: Page) -> int:
    """Pixels by which a page is wider than its window: then it has to be moved sideways to be read."""
    found: Any = page.evaluate(WIDER)
    return int(found)
