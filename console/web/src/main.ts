import { mount } from 'svelte';
import App from './App.svelte';
import './app.css';
import { keepFocus } from './ui/focus';

const target = document.getElementById('app')!;
mount(App, { target });
keepFocus(target);
